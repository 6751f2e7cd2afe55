check_1() {
file_check '/etc/it'\''s here.conf' nats nats 640 6240c745cf11b642c605c4f426d735bcc14f6bf334290977d7e03935c1e63913 ''
}
apply_1() {
! file_settled '/etc/it'\''s here.conf' nats nats 640 6240c745cf11b642c605c4f426d735bcc14f6bf334290977d7e03935c1e63913 || return 0
file_write '/etc/it'\''s here.conf' 'a: '\''b'\''
$x `y` \ é
' || return
file_place "$STAGED" '/etc/it'\''s here.conf' nats nats 640
}
sp_prefetch_stat '/etc/it'\''s here.conf'
sp_prefetch_sum '/etc/it'\''s here.conf'
step 1 '' 'role: file /etc/it'\''s here.conf' || return
}
{ sp_main; emit end; }
