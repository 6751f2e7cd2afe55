import { join } from "node:path";
import { playbooks, ROOT } from "./playbooks.mts";

// The words go back to sampan itself, which knows playbooks, flags, inventories and hosts as they are at that moment.
const sampan = `'${join(ROOT, "bin/sampan").replaceAll("'", "'\\''")}'`;
/** What is completed: sampan, and the playbooks as files, by whatever path they are called. */
const commands = ["sampan", ...[...playbooks().keys()].map((name) => `${name}.mts`)].join(" ");

/** Completion by shell, to be sourced. Where sampan has nothing to say, file names are completed. */
export const COMPLETIONS: Readonly<Record<string, string>> = {
  bash: `_sampan() {
  local IFS=$'\\n' first=\${COMP_WORDS[0]##*/}
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  [ "$first" = sampan ] || words=("\${first%.mts}" "\${words[@]}")
  COMPREPLY=($(${sampan} complete "\${words[@]}" 2>/dev/null))
}
complete -o default -F _sampan ${commands}
`,
  zsh: `#compdef ${commands}
_sampan() {
  local first=\${words[1]:t}
  local -a given found
  given=("\${(@Q)words[2,CURRENT]}")
  [[ $first == sampan ]] || given=("\${first%.mts}" "\${given[@]}")
  found=("\${(@f)$(${sampan} complete "\${given[@]}" 2>/dev/null)}")
  if [[ -n $found[1] ]]; then compadd -- $found; else _files; fi
}
if [[ $funcstack[1] == _sampan ]]; then
  _sampan
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }
  compdef _sampan ${commands}
fi
`,
  fish: `function __sampan
  set -l words (commandline -opc) (commandline -ct)
  set -l first (string replace -r '.*/' '' -- $words[1])
  set -e words[1]
  test $first = sampan; or set -p words (string replace -r '\\.mts$' '' -- $first)
  set -l found (${sampan} complete $words 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
for command in ${commands}
  complete -c $command -f -a '(__sampan)'
end
`,
};
