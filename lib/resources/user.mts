import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";

const library: ShellLibrary = {
  name: "user",
  text: `
entry_of() { # DATABASE NAME
  if command -v getent >/dev/null; then getent "$1" "$2"; else grep "^$2:" "/etc/$1"; fi
}
group_check() { entry_of group "$1" >/dev/null || differs state absent group; }
group_apply() { if command -v groupadd >/dev/null; then groupadd --system "$1"; else addgroup -S "$1"; fi; }
user_check() { # NAME GROUP HOME
  sp_entry=$(entry_of passwd "$1") || { differs state absent user; return 0; }
  sp_gid=$(entry_of group "$2")
  # passwd(5) is name, password, uid, gid, …; group(5) name, password, gid, members
  sp_gid=\${sp_gid#*:*:} sp_entry=\${sp_entry#*:*:*:}
  [ "\${sp_entry%%:*}" = "\${sp_gid%%:*}" ] || differs group "gid \${sp_entry%%:*}" "$2"
}
user_apply() {
  if entry_of passwd "$1" >/dev/null; then usermod -g "$2" "$1"
  elif command -v useradd >/dev/null; then useradd --system --gid "$2" --home-dir "$3" --no-create-home --shell /usr/sbin/nologin "$1"
  else adduser -S -D -H -G "$2" -h "$3" -s /sbin/nologin "$1"
  fi
}`,
};

/** A system group. */
export function group({ name }: { name: string }): Resource {
  return resource({ type: "group", name, uses: [library], check: sh`group_check ${name}`, apply: sh`group_apply ${name}` });
}

/** A system user without login. Its home is a name only: nothing is created. */
export function user({ name, group: primary, home }: { name: string; group: string; home: string }): Resource {
  return resource({ type: "user", name, uses: [library], check: sh`user_check ${name} ${primary} ${home}`, apply: sh`user_apply ${name} ${primary} ${home}` });
}
