import { quote } from "../../sh.mts";

/** The oldest Node.js that runs the generator. */
const LEAST = 20;
/** The event of `process` by which the program says that its file isn't needed any more. */
export const LOADED = "sampan-bench-loaded";
/** Exit statuses of the bootstrap, beside those of the shell and of the generator. */
const NO_NODE = 95;
const OLD_NODE = 96;

/**
 * A script for `node -e`: it takes the generator's program as the first bytes of its input into a folder that only its user can read, runs
 * it with the rest of the input, and removes the folder however that ends. In words that any Node.js understands, so that an old one can say that it is.
 */
export const bootstrap = (bytes: number): string =>
  [
    `const fs=require("fs"),os=require("os"),path=require("path"),i=process.stdin;`,
    `if(parseInt(process.versions.node)<${LEAST}){process.stderr.write(process.version);process.exit(${OLD_NODE})}`,
    `let got=[],have=0;const early=()=>process.exit(1);i.once("end",early);`,
    `i.on("data",function take(c){got.push(c);have+=c.length;if(have<${bytes})return;`,
    `i.off("data",take);i.off("end",early);i.pause();`,
    `const all=Buffer.concat(got),dir=fs.mkdtempSync(path.join(os.tmpdir(),"sampan-bench-"));`,
    `const clean=()=>fs.rmSync(dir,{recursive:true,force:true});process.on("exit",clean).once("${LOADED}",clean);`,
    `const file=path.join(dir,"bench.mjs");fs.writeFileSync(file,all.subarray(0,${bytes}),{mode:0o600});`,
    `if(have>${bytes})i.unshift(all.subarray(${bytes}));`,
    `import(require("url").pathToFileURL(file).href)})`,
  ].join("");

/** The same for another host's shell. */
export const remoteCommand = (bytes: number): string => `command -v node >/dev/null 2>&1 || exit ${NO_NODE}; exec node -e ${quote(bootstrap(bytes))}`;

/** Why the generator on another host has ended without a result. */
export function explainRemote(host: string, exit: number | null, stderr: string): Error {
  const said = stderr.trim().split("\n").slice(-3).join(" ");
  const error = (what: string, next: string): Error => Object.assign(new Error(what), { next });
  if (exit === NO_NODE)
    return error(
      `${host} has no Node.js (no \`node\` in the PATH of its login), and the load generator runs on it`,
      `install Node.js ${LEAST} or newer there, name another host, or leave out --from`,
    );
  if (exit === OLD_NODE)
    return error(`${host} has Node.js ${said}, and the load generator takes ${LEAST} or newer`, "install a newer one there, or name another host");
  return error(
    `the load generator on ${host} ended with ${exit === null ? "a signal" : `status ${exit}`} and no result${said && `: ${said}`}`,
    "look at the host (memory, /tmp), then run again",
  );
}
