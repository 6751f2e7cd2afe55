check_1() {
file_check /opt/x/bin root root 755 0000000000000000000000000000000000000000000000000000000000000000 secret
}
apply_1() {
! file_settled /opt/x/bin root root 755 0000000000000000000000000000000000000000000000000000000000000000 || return 0
mkdir -p /opt/x && staging_of /opt/x/bin && want 0000000000000000000000000000000000000000000000000000000000000000 5 "$STAGED" && file_place "$STAGED" /opt/x/bin root root 755
}
sp_prefetch_stat /opt/x/bin
sp_prefetch_sum /opt/x/bin
step 1 '' 'role: artifact /opt/x/bin' || return
}
{ sp_main; emit end; }
