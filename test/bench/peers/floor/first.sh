#!/bin/sh
# first.sh FOLDER: what a first run has to pay. Per host one SSH connection, over which one archive goes (program, configuration, all
# that the job leaves there), is unpacked, and the service started until it is healthy. Nothing is compared, validated or told.
cd "$1" || exit 1
while read -r name address port; do
  ssh -T -o BatchMode=yes -o UserKnownHostsFile=known_hosts -o LogLevel=ERROR -o ControlPath=none -i "$(cat key)" -p "$port" "root@$address" '
    groupadd --system nats; useradd --system --gid nats --home-dir /var/lib/nats --no-create-home --shell /usr/sbin/nologin nats
    mkdir -p /var/lib/nats && tar -C / -xf - && sysctl -q -p /etc/sysctl.d/90-nats.conf
    systemctl daemon-reload && systemctl -q enable --now nats-server || exit
    until bash -c "exec 3<>/dev/tcp/127.0.0.1/8222 && printf \"GET /healthz HTTP/1.0\r\n\r\n\" >&3 && read -r line <&3 && case \$line in *\" 200 \"*) ;; *) exit 1 ;; esac" 2>/dev/null; do sleep 0.1; done
    echo done 0' <"site-$name.tar" >"out-$name" 2>&1 &
done <hosts
wait
while read -r name address port; do
  [ "$(tail -n 1 "out-$name")" = 'done 0' ] || { echo "$name:"; cat "out-$name"; failed=1; }
done <hosts
exit "${failed:-0}"
