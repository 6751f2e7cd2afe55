# What roles may want to know of a host, in one go. Files are read by the shell itself: a fork costs more than all of this.
fact() { emit f "$1" "$2"; }
fact_file() { sp_v=; [ -r "$2" ] && IFS= read -r sp_v <"$2"; fact "$1" "$sp_v"; }
# What every program works with is looked for before anything is done, the lock included. (`stat` without -c: some busyboxes.)
sp_needs() {
  sp_lacks=
  for sp_tool in cat chmod chown cut date df flock grep head id mkdir mv readlink rm sed sha256sum sleep stat systemctl tail tr uname wc; do
    command -v "$sp_tool" >/dev/null 2>&1 || sp_lacks="$sp_lacks${sp_lacks:+, }$sp_tool"
  done
  case $sp_lacks in *stat*) ;; *) stat -c %u / >/dev/null 2>&1 || sp_lacks="$sp_lacks${sp_lacks:+, }stat -c" ;; esac
  [ -d /run/systemd/system ] && sp_init=systemd || sp_init=
  [ -n "$sp_init" ] && [ -z "$sp_lacks" ] || { emit lacks "$sp_init" "$sp_lacks"; exit 1; }
}
sp_facts() {
  set -- $(id -u; uname -sr; uname -m; date +%s)
  fact uid "$1"; fact system "$2"; fact kernel "$3"; fact arch "$4"; fact time "$5"
  fact pid $$
  sp_id= sp_version=
  if [ -r /etc/os-release ]; then
    while IFS== read -r sp_k sp_v; do
      sp_v=${sp_v#\"} sp_v=${sp_v%\"}
      case $sp_k in ID) sp_id=$sp_v ;; VERSION_ID) sp_version=$sp_v ;; esac
    done </etc/os-release
  fi
  fact os "$sp_id"; fact os_version "$sp_version"
  fact_file hostname /proc/sys/kernel/hostname
  fact_file boot_id /proc/sys/kernel/random/boot_id
  fact_file cmdline /proc/cmdline
  fact_file cpus_online /sys/devices/system/cpu/online
  fact_file cpus_possible /sys/devices/system/cpu/possible
  fact_file transparent_hugepage /sys/kernel/mm/transparent_hugepage/enabled
  fact_file governor /sys/devices/system/cpu/cpu0/cpufreq/scaling_governor
  while read -r sp_k sp_v sp_rest; do
    [ "$sp_k" != MemTotal: ] || { fact mem_kb "$sp_v"; break; }
  done </proc/meminfo
  if [ -d /run/systemd/system ]; then fact init systemd; else fact init other; fi
  # systemd writes there what kind of container it runs in
  fact_file container /run/systemd/container
  fact boot_loader "$(if command -v update-grub >/dev/null && [ -f /etc/default/grub ]; then echo grub; elif [ -f /etc/kernel/cmdline ]; then echo systemd-boot; fi)"
  sp_config=/boot/config-$3
  if [ -r "$sp_config" ]; then
    fact kernel_config "$(grep -E '^CONFIG_(NO_HZ_FULL|CPU_ISOLATION|RCU_NOCB_CPU)=y' "$sp_config" | tr '\n' ' ')"
  elif [ -r /proc/config.gz ]; then
    fact kernel_config "$(gzip -dc /proc/config.gz | grep -E '^CONFIG_(NO_HZ_FULL|CPU_ISOLATION|RCU_NOCB_CPU)=y' | tr '\n' ' ')"
  fi
  # the disk under the store, or under the nearest folder above it that exists
  sp_dir=$SP_STORE_DIR
  while [ -n "$sp_dir" ] && [ ! -d "$sp_dir" ]; do sp_dir=${sp_dir%/*}; done
  if [ -n "$sp_dir" ]; then
    set -- $(df -Pk "$sp_dir" 2>/dev/null | tail -n 1)
    fact store_device "${1-}"; fact store_free_kb "${4-}"; fact store_mount "${6-}"
  fi
  fact nats_server "$(readlink /usr/local/bin/nats-server)"
  # Who wrote the store, where the link has been switched once: the server that runs; else, of a version that never got to the store, the one before.
  if [ -f /opt/nats-server/.former ]; then
    sp_exe=$(readlink "/proc/$(systemctl show -p MainPID --value nats-server 2>/dev/null)/exe")
    case $sp_exe in
      /opt/nats-server/*/*) sp_exe=${sp_exe#/opt/nats-server/}; fact nats_stored "${sp_exe%%/*}" ;;
      *)
        if [ -f /opt/nats-server/.trying ] && [ -z "$(find "$SP_STORE_DIR" -newer /opt/nats-server/.trying 2>/dev/null | head -n 1)" ]; then
          fact_file nats_stored /opt/nats-server/.trying
        fi ;;
    esac
  fi
  for sp_stream in "$SP_STORE_DIR"/jetstream/*/streams/*; do
    [ ! -d "$sp_stream" ] || { fact store_streams yes; break; }
  done
  emit ready
}
