check_1() {
symlink_check /usr/local/bin/nats-server '/opt/nats-server/2.15.1/it'\''s'
}
apply_1() {
symlink_apply /usr/local/bin/nats-server '/opt/nats-server/2.15.1/it'\''s'
}
sp_prefetch_stat /usr/local/bin/nats-server
step 1 '' 'role: symlink /usr/local/bin/nats-server' || return
}
{ sp_main; emit end; }
