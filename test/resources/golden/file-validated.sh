check_1() {
file_check /etc/a.conf root root 644 87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7 ''
}
apply_1() {
! file_settled /etc/a.conf root root 644 87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7 || return 0
file_write /etc/a.conf 'a
' || return
(a-tool -t "$STAGED"); file_validated $? || return
file_place "$STAGED" /etc/a.conf root root 644
}
sp_prefetch_stat /etc/a.conf
sp_prefetch_sum /etc/a.conf
step 1 '' 'role: file /etc/a.conf' || return
}
{ sp_main; emit end; }
