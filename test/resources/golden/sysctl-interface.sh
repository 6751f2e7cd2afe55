check_1() {
sysctl_check /proc/sys/net/ipv4/conf/eth0.100/rp_filter net/ipv4/conf/eth0.100/rp_filter 1 'not settable in a container (lxc)' 'not settable in a container (lxc)'
}
apply_1() {
sysctl_apply /proc/sys/net/ipv4/conf/eth0.100/rp_filter net/ipv4/conf/eth0.100/rp_filter 1
}
sp_prefetch_text /proc/sys/net/ipv4/conf/eth0.100/rp_filter
step 1 '' 'role: sysctl net/ipv4/conf/eth0.100/rp_filter' || return
}
{ sp_main; emit end; }
