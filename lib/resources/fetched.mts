import { dirname } from "node:path";
import { type Resource, resource, type ShellLibrary } from "../engine/resource.mts";
import { sh } from "../sh.mts";
import { fileLibrary, type Ownership, octal } from "./file.mts";

export interface FetchedSpec extends Ownership {
  path: string;
  url: string;
  /** of the download, not of the file that is unpacked from it */
  sha256: string;
  /** path in the tar.gz; absent when the download is the file itself */
  member?: string;
}

// The record beside the file ties it to its download: checksum of the download, checksum of the file.
const library: ShellLibrary = {
  name: "fetched",
  text: `
fetched_check() { # PATH OWNER GROUP MODE DOWNLOAD-SHA256
  is_file "$1" "$2" "$3" "$4" || return 0
  text_of "$1.fetched" || S_TEXT=
  sum_of "$1"
  [ "$S_TEXT" = "$5 $S_SUM" ] || differs download "\${S_TEXT%% *}" "$5"
}
download() { # URL FILE
  if command -v curl >/dev/null; then curl -fsSL --retry 2 --connect-timeout 10 -o "$2" "$1"
  elif command -v wget >/dev/null; then wget -q -T 10 -O "$2" "$1"
  else cannot 'this host has neither curl nor wget' 'install one, or set nats_fetch: controller'
  fi
}
fetched_apply() { # PATH OWNER GROUP MODE DOWNLOAD-SHA256 URL MEMBER
  staging_of "$1"
  rm -f "$STAGED.download"
  download "$6" "$STAGED.download" || { rm -f "$STAGED.download"; cannot "$6 could not be fetched from this host" "check the URL and the host's way out, or set nats_fetch: controller"; }
  sum_of "$STAGED.download"
  [ "$S_SUM" = "$5" ] || { rm -f "$STAGED.download"; cannot "$6 has the sha256 $S_SUM instead of $5" "don't use it, check the source"; }
  if [ -n "$7" ]; then tar -xzOf "$STAGED.download" "$7" >"$STAGED"; else mv "$STAGED.download" "$STAGED"; fi || { rm -f "$STAGED" "$STAGED.download"; return 1; }
  rm -f "$STAGED.download"
  sum_of "$STAGED"
  printf '%s %s\\n' "$5" "$S_SUM" >"$1.fetched" && file_place "$STAGED" "$1" "$2" "$3" "$4"
}`,
};

/** A file that the host downloads by itself, verified. Its folder is made. */
export function fetched({ path, url, sha256, member = "", owner = "root", group = "root", mode = 0o755 }: FetchedSpec): Resource {
  return resource({
    type: "fetched",
    name: path,
    uses: [fileLibrary, library],
    check: sh`fetched_check ${path} ${owner} ${group} ${octal(mode)} ${sha256}`,
    apply: sh`mkdir -p ${dirname(path)} && fetched_apply ${path} ${owner} ${group} ${octal(mode)} ${sha256} ${url} ${member}`,
    looksAt: { stat: [path], sum: [path], text: [`${path}.fetched`] },
    timeout: 300,
  });
}
