import { join } from "node:path";
import { ROOT } from "./playbooks.mts";

// The words go back to sampan itself, which knows playbooks, flags, inventories and hosts as they are at that moment.
const sampan = `'${join(ROOT, "bin/sampan").replaceAll("'", "'\\''")}'`;

/** Completion by shell, to be sourced. Where sampan has nothing to say, file names are completed. */
export const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: `_sampan() {
  local IFS=$'\\n'
  COMPREPLY=($(${sampan} complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _sampan sampan
`,
  zsh: `#compdef sampan
_sampan() {
  local -a found
  found=("\${(@f)$(${sampan} complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then compadd -- $found; else _files; fi
}
compdef _sampan sampan
`,
  fish: `function __sampan
  set -l words (commandline -opc) (commandline -ct)
  ${sampan} complete $words[2..-1] 2>/dev/null
end
complete -c sampan -a '(__sampan)'
`,
};
