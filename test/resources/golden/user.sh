check_1() {
user_check nats nats /var/lib/nats
}
apply_1() {
user_apply nats nats /var/lib/nats
}
step 1 '' 'role: user nats' || return
}
{ sp_main; emit end; }
