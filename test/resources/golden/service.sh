check_1() {
service_check nats-server yes yes ''
}
apply_1() {
sp_ready() { test -e '/run/it'\''s ready'
}
service_apply nats-server yes yes sp_ready
}
step 1 '' 'role: service nats-server' || return
}
{ sp_main; emit end; }
