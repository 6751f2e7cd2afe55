check_1() {
sysctl_check /proc/sys/net/ipv4/tcp_rmem net.ipv4.tcp_rmem '4096 131072 6291456' 'this kernel has no net.ipv4.tcp_rmem' 'not settable on this host'
}
apply_1() {
sysctl_apply /proc/sys/net/ipv4/tcp_rmem net.ipv4.tcp_rmem '4096 131072 6291456'
}
sp_prefetch_text /proc/sys/net/ipv4/tcp_rmem
step 1 '' 'role: sysctl net.ipv4.tcp_rmem' || return
}
{ sp_main; emit end; }
