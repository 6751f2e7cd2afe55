check_1() {
directory_check '/etc/it'\''s here' root nats 750
}
apply_1() {
directory_apply '/etc/it'\''s here' root nats 750
}
sp_prefetch_stat '/etc/it'\''s here'
step 1 '' 'role: directory /etc/it'\''s here' || return
}
{ sp_main; emit end; }
