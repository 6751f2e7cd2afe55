import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { type Payload, type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { Secret } from "../secret.mts";
import { Sh, sh } from "../sh.mts";

export interface Ownership {
  /** name or number, as the group */ owner?: string;
  group?: string;
  /** permission bits, e.g. 0o640 */
  mode?: number;
}

export interface FileSpec extends Ownership {
  path: string;
  /** what the file holds; a Secret's text is never shown, only that its hash changed */
  content: string | Secret;
  /** a command that must accept the new text before it takes its place */
  validate?: (staged: Sh) => Sh;
  needs?: readonly string[];
}

export const octal = (mode: number): string => mode.toString(8);

/**
 * Owner, group, mode of what lies at a path, and the last rites of a file that is about to take a place. New text is written
 * beside its place (same file system, same includes) with its final rights, and moved over: never half a file, never a
 * moment with wider rights. The name is fixed, so what a killed run left is overwritten by the next.
 */
export const fileLibrary: ShellLibrary = {
  name: "file",
  text: `
attributes_differ() { # OWNER GROUP MODE, after stat_of
  # by name or by number, as chown takes them
  [ "$S_OWNER" = "$1" ] || [ "$S_UID" = "$1" ] || differs owner "$S_OWNER" "$1"
  [ "$S_GROUP" = "$2" ] || [ "$S_GID" = "$2" ] || differs group "$S_GROUP" "$2"
  [ "$S_MODE" = "$3" ] || differs mode "$S_MODE" "$3"
}
is_file() { # PATH OWNER GROUP MODE: tells what of these differs; fails when no regular file lies there
  stat_of "$1"
  case $S_TYPE in
    '') differs state absent file; return 1 ;;
    regular*) attributes_differ "$2" "$3" "$4" ;;
    *) differs type "$S_TYPE" 'regular file'; return 1 ;;
  esac
}
file_check() { # PATH OWNER GROUP MODE SHA256 SECRET
  is_file "$1" "$2" "$3" "$4" || return 0
  sum_of "$1"
  [ "$S_SUM" = "$5" ] && return 0
  differs content "sha256 \${S_SUM:-unreadable}" "sha256 $5"
  [ -n "$6" ] || differs_file "$1"
}
file_settled() { # PATH OWNER GROUP MODE SHA256: of a file that has its text, only owner and rights are set; its times stay
  stat_of "$1"
  case $S_TYPE in regular*) ;; *) return 1 ;; esac
  sum_of "$1"
  [ "$S_SUM" = "$5" ] && chown "$2:$3" "$1" 2>/dev/null && chmod "0000$4" "$1" 2>/dev/null
}
staging_of() { # PATH: sets STAGED
  [ -d "\${1%/*}/" ] || cannot "the folder \${1%/*} does not exist" "declare it before $1"
  if [ -d "$1" ] && [ ! -L "$1" ]; then cannot "$1 is a directory where a file should be" "look what it holds, move it away, and run again"; fi
  STAGED=\${1%/*}/.sampan.\${1##*/}.new
  rm -rf "$STAGED"
}
file_place() { # STAGED PATH OWNER GROUP MODE
  # a link to a folder goes first: mv would move the file into that
  chown "$3:$4" "$1" && chmod "0000$5" "$1" && { [ ! -L "$2" ] || [ ! -d "$2" ] || rm -f "$2"; } && mv -f "$1" "$2" || { rm -f "$1"; return 1; }
}
file_write() { # PATH CONTENT: the staged file, private
  staging_of "$1"
  (umask 077 && printf %s "$2" >"$STAGED") || { rm -f "$STAGED"; cannot "the new text of $1 can't be written" "see that its file system is writable and has free space, then run again"; }
}
file_validated() { # STATUS: drops the staged text when the validating command didn't accept it
  [ "$1" -eq 0 ] || { rm -f "$STAGED"; cannot "the new text is refused by its validating command, and the old one stays (see the output)" "correct the variables or the template that it names"; }
}`,
};

/** A regular file with this text. Its folder must exist. */
export function file(spec: FileSpec): Resource {
  const { path, content, validate, owner = "root", group = "root", mode = 0o644 } = spec;
  const secret = content instanceof Secret;
  const sum = createHash("sha256")
    .update(secret ? content.reveal() : content)
    .digest("hex");
  const staged = new Sh('"$STAGED"');
  const validation = validate ? sh`\n(${validate(staged)}); file_validated $? || return` : sh``;
  return resource({
    type: "file",
    name: path,
    uses: [fileLibrary],
    check: sh`file_check ${path} ${owner} ${group} ${octal(mode)} ${sum} ${secret ? "secret" : ""}`,
    apply: sh`! file_settled ${path} ${owner} ${group} ${octal(mode)} ${sum} || return 0\nfile_write ${path} ${content} || return${validation}\nfile_place "$STAGED" ${path} ${owner} ${group} ${octal(mode)}`,
    content: secret ? undefined : content,
    looksAt: { stat: [path], sum: [path] },
    leaves: { sum },
    needs: spec.needs,
  });
}

export interface ArtifactSpec extends Ownership {
  path: string;
  payload: Payload;
  needs?: readonly string[];
}

/** A file whose bytes the controller holds and pushes only to hosts that lack them. The folder is made. */
export function artifact({ path, payload, owner = "root", group = "root", mode = 0o755, needs }: ArtifactSpec): Resource {
  return resource({
    type: "artifact",
    name: path,
    uses: [fileLibrary],
    check: sh`file_check ${path} ${owner} ${group} ${octal(mode)} ${payload.sha256} secret`,
    apply: sh`! file_settled ${path} ${owner} ${group} ${octal(mode)} ${payload.sha256} || return 0\nmkdir -p ${dirname(path)} && staging_of ${path} && want ${payload.sha256} ${payload.size} "$STAGED" && file_place "$STAGED" ${path} ${owner} ${group} ${octal(mode)}`,
    payloads: [payload],
    looksAt: { stat: [path], sum: [path] },
    leaves: { sum: payload.sha256 },
    needs,
    timeout: 300,
  });
}
