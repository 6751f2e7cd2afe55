check_1() {
block_check '/etc/it'\''s hosts' 'nats peers' '10.0.0.1 one
10.0.0.2 two'
}
apply_1() {
block_apply '/etc/it'\''s hosts' 'nats peers' '10.0.0.1 one
10.0.0.2 two'
}
sp_prefetch_stat '/etc/it'\''s hosts'
step 1 '' 'role: block nats peers in /etc/it'\''s hosts' || return
}
{ sp_main; emit end; }
