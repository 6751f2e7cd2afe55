import { UsageError } from "../inventory/types.mts";

interface Arch {
  /** as in the names of nats-server's release archives */
  name: string;
  /** e_machine, word size and byte order of its ELF files (elf(5), linux/elf-em.h) */
  machine: number;
  bits: 32 | 64;
  bigEndian: boolean;
  uname: RegExp;
}

const ARCHES: readonly Arch[] = [
  { name: "amd64", machine: 62, bits: 64, bigEndian: false, uname: /^(x86_64|amd64)$/ },
  { name: "arm64", machine: 183, bits: 64, bigEndian: false, uname: /^(aarch64|arm64)$/ },
  { name: "arm7", machine: 40, bits: 32, bigEndian: false, uname: /^(armv7.*|armv8l|arm7)$/ },
  { name: "arm6", machine: 40, bits: 32, bigEndian: false, uname: /^(armv6.*|arm6)$/ },
  { name: "386", machine: 3, bits: 32, bigEndian: false, uname: /^(i[3-6]86|386)$/ },
  { name: "ppc64le", machine: 21, bits: 64, bigEndian: false, uname: /^ppc64le$/ },
  { name: "s390x", machine: 22, bits: 64, bigEndian: true, uname: /^s390x$/ },
  { name: "mips64le", machine: 8, bits: 64, bigEndian: false, uname: /^mips64(el|le)$/ },
];

/**
 * The name that nats-server's releases have for a machine.
 * @param machine what `uname -m` says there, or that name itself
 */
export function archOf(machine: string): string {
  const arch = ARCHES.find((a) => a.uname.test(machine));
  if (arch) return arch.name;
  throw new UsageError(`nats-server isn't released for ${JSON.stringify(machine)}; it is for ${ARCHES.map((a) => a.name).join(", ")}`);
}

/**
 * Whether a file is a program for that machine, from its first 20 bytes or more.
 * @returns undefined, or what it is instead
 */
export function elfFault(head: Buffer, arch: string): string | undefined {
  if (head.length < 20 || head.readUInt32BE(0) !== 0x7f454c46) return "is no Linux program (no ELF header)";
  const bits = head[4] === 2 ? 64 : 32;
  const bigEndian = head[5] === 2;
  const machine = bigEndian ? head.readUInt16BE(18) : head.readUInt16LE(18);
  const fits = (a: Arch): boolean => a.machine === machine && a.bits === bits && a.bigEndian === bigEndian;
  if (ARCHES.some((a) => a.name === arch && fits(a))) return undefined;
  return `is a program for ${ARCHES.find(fits)?.name ?? `another machine (e_machine ${machine})`}, not for ${arch}`;
}
