check_1() {
service_check nats-server no no ''
}
apply_1() {
sp_ready() { :
}
service_apply nats-server no no sp_ready
}
step 1 '' 'role: service nats-server' || return
}
{ sp_main; emit end; }
