import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Test } from "tap";
import { serverBinary } from "../nats/servers.mts";

/** A folder of nats-servers, for `nats_source: { file: … }`. */
export class Programs {
  readonly dir: string;

  constructor(t: Test) {
    this.dir = mkdtempSync(join(tmpdir(), "sampan-programs-"));
    t.teardown(() => rmSync(this.dir, { recursive: true, force: true }));
  }

  get source(): string {
    return `{ file: "${this.dir}/nats-server-{version}" }`;
  }

  /** A real one. */
  async add(version: string): Promise<void> {
    copyFileSync(await serverBinary(version), this.#path(version));
  }

  /** A real one that goes by another number of the same length: there are too few releases to be had here. */
  async renumbered(version: string, number: string): Promise<void> {
    const program = readFileSync(await serverBinary(version), "latin1");
    if (number.length !== version.length || !program.includes(version)) throw new Error(`${version} can't be called ${number}`);
    this.#write(number, Buffer.from(program.replaceAll(version, number), "latin1"));
  }

  /** One that tells its version, accepts every configuration, and ends with status 1 when it is to serve. For x86-64. */
  broken(version: string): void {
    this.#write(version, refuser(`nats-server: v${version}\n`));
  }

  #path(version: string): string {
    return join(this.dir, `nats-server-${version}`);
  }
  #write(version: string, program: Buffer): void {
    writeFileSync(this.#path(version), program);
    chmodSync(this.#path(version), 0o755);
  }
}

/** The smallest ELF program: `--…` prints the text, `-t` is silent, both with status 0; anything else is status 1. */
function refuser(text: string): Buffer {
  const base = 0x400000,
    header = 120;
  const code = Buffer.from([
    0x48,
    0x8b,
    0x74,
    0x24,
    0x10, // mov rsi, [rsp+16]: argv[1]
    0xbf,
    0x01,
    0x00,
    0x00,
    0x00, // mov edi, 1
    0x48,
    0x85,
    0xf6,
    0x74,
    0x24, // test rsi, rsi; jz exit
    0x0f,
    0xb6,
    0x46,
    0x01, // movzx eax, byte [rsi+1]
    0x3c,
    0x74,
    0x74,
    0x1a, // cmp al, 't'; je good
    0x3c,
    0x2d,
    0x75,
    0x18, // cmp al, '-'; jne exit
    0xb8,
    0x01,
    0x00,
    0x00,
    0x00, // mov eax, 1: write
    0x48,
    0xbe,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0, // mov rsi, text
    0xba,
    text.length,
    0x00,
    0x00,
    0x00, // mov edx, length
    0x0f,
    0x05, // syscall
    0x31,
    0xff, // good: xor edi, edi
    0xb8,
    0x3c,
    0x00,
    0x00,
    0x00, // exit: mov eax, 60
    0x0f,
    0x05, // syscall
  ]);
  code.writeBigUInt64LE(BigInt(base + header + code.length), 34);
  const size = header + code.length + text.length;
  const elf = Buffer.alloc(header);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  elf.writeUInt16LE(2, 16);
  elf.writeUInt16LE(62, 18);
  elf.writeUInt32LE(1, 20);
  elf.writeBigUInt64LE(BigInt(base + header), 24);
  elf.writeBigUInt64LE(64n, 32);
  elf.writeUInt16LE(64, 52);
  elf.writeUInt16LE(56, 54);
  elf.writeUInt16LE(1, 56);
  elf.writeUInt32LE(1, 64);
  elf.writeUInt32LE(5, 68);
  elf.writeBigUInt64LE(BigInt(base), 80);
  elf.writeBigUInt64LE(BigInt(base), 88);
  elf.writeBigUInt64LE(BigInt(size), 96);
  elf.writeBigUInt64LE(BigInt(size), 104);
  elf.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([elf, code, Buffer.from(text)]);
}
