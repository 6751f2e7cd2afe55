import { handler, type Resource, resource, type ShellLibrary } from "../../../lib/engine/resource.mts";
import { serviceLibrary } from "../../../lib/resources/service.mts";
import { sh } from "../../../lib/sh.mts";

/** A GET without curl, which the hosts don't have: bash's own sockets. The floor asks in the same way. */
const library: ShellLibrary = {
  name: "healthy",
  text: `
healthy() { # PORT
  bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0 && printf "GET /healthz HTTP/1.0\\r\\n\\r\\n" >&3 && read -r line <&3 && case $line in *" 200 "*) ;; *) exit 1 ;; esac' "$1" 2>/dev/null
}
healthy_wait() { # PORT: up to 60 s
  sp_tries=0
  until healthy "$1"; do
    sp_tries=$((sp_tries + 1))
    [ "$sp_tries" -lt 600 ] || return
    emit t
    sleep 0.1
  done
}`,
};

/** The server says of itself that it is healthy. */
export const healthy = (port: number): Resource =>
  resource({
    type: "healthy",
    name: `port ${port}`,
    uses: [library],
    timeout: 90,
    check: sh`healthy ${port} || differs health 'no 200' 200`,
    apply: sh`healthy_wait ${port}`,
  });

/** What the server reads at its start is newer than the file that it writes then. Of a stopped one nothing is due. */
const behind: ShellLibrary = {
  name: "behind",
  text: `
behind() { # FILE…
  [ -e /run/nats/nats-server.pid ] || return 0
  for sp_file do [ ! "$sp_file" -nt /run/nats/nats-server.pid ] || { differs "$sp_file" 'read before it changed' read; return 0; }; done
}`,
};

/** The server is started again where it runs with what has changed since. */
export const restart = (...files: string[]) =>
  handler("restart nats", {
    uses: [serviceLibrary, behind],
    check: sh`behind ${files}`,
    apply: sh`systemctl daemon-reload && systemctl restart nats-server && service_ready nats-server true`,
  });
