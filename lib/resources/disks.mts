import { type Resource, resource } from "../engine/resource.mts";
import { sh } from "../sh.mts";

/** A mounted file system, or, without `mount`, a whole disk that nothing is on. */
export interface Disk {
  device: string;
  mount: string;
  bytes: number;
  freeBytes: number;
  /** undefined: the kernel doesn't say */
  spins: boolean | undefined;
}

/** Looks, and changes nothing: which file systems and unused disks the host has. `disksOf` reads what it tells. */
export function disks(): Resource {
  return resource({
    type: "disks",
    name: "of the host",
    uses: [
      {
        name: "disks",
        text: `
disks_spin() { # DEVICE
  sp_disk=$(readlink -f "$1" 2>/dev/null) sp_disk=\${sp_disk##*/}
  for sp_f in "/sys/class/block/$sp_disk/queue/rotational" "/sys/class/block/$sp_disk/../queue/rotational"; do
    [ ! -r "$sp_f" ] || { cat "$sp_f"; return; }
  done
  echo -
}
disks_mounted() {
  df -Pk 2>/dev/null | while read -r sp_d sp_s sp_u sp_free sp_p sp_m; do
    case $sp_d in /dev/*|overlay|zfs|*:/*) printf '%s %s %s %s %s\\n' "$sp_d" "$sp_s" "$sp_free" "$(disks_spin "$sp_d")" "$sp_m" ;; esac
  done
}
disks_blank() {
  for sp_d in /sys/block/*; do
    sp_n=\${sp_d##*/}
    case $sp_n in loop*|ram*|zram*|sr*|fd*|dm-*|md*|nbd*) continue ;; esac
    set -- "$sp_d"/*/partition "$sp_d"/holders/*
    [ ! -e "$1" ] && [ ! -e "$2" ] || continue
    ! grep -q "^/dev/$sp_n " /proc/mounts || continue
    read -r sp_size <"$sp_d/size" && [ "$sp_size" -gt 0 ] || continue
    printf '/dev/%s %s 0 %s\\n' "$sp_n" "$((sp_size / 2))" "$(cat "$sp_d/queue/rotational" 2>/dev/null || echo -)"
  done
}
disks_check() { tells mounted "$(disks_mounted)"; tells blank "$(disks_blank)"; }`,
      },
    ],
    check: sh`disks_check`,
    apply: sh`:`,
  });
}

/** Each mount point once, as bind mounts show the same file system again. */
export function disksOf(told: ReadonlyMap<string, string>): Disk[] {
  const lines = `${told.get("mounted") ?? ""}\n${told.get("blank") ?? ""}`.split("\n").filter(Boolean);
  return lines.map((line) => {
    const [device = "", kb = "0", free = "0", spins = "-", ...mount] = line.split(" ");
    return { device, mount: mount.join(" "), bytes: Number(kb) * 1024, freeBytes: Number(free) * 1024, spins: spins === "-" ? undefined : spins === "1" };
  });
}
