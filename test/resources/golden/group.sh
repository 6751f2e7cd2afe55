check_1() {
group_check nats
}
apply_1() {
group_apply nats
}
step 1 '' 'role: group nats' || return
}
{ sp_main; emit end; }
