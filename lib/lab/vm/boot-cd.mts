import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exists } from "../files.mts";
import { cacheDir } from "../paths.mts";
import { runCaptive } from "../run.mts";

/** Hands over to the configuration that the guest's own `update-grub` has written: the guest's disk needs no partitions and no boot sector. */
const config = `insmod ext2
insmod linux
insmod configfile
insmod search_fs_file
search --set=root --file /etc/fstab
configfile ($root)/boot/grub/grub.cfg
`;

/** A CD with GRUB on it, made once. @returns its file */
export async function ensureBootCd(): Promise<string> {
  const folder = join(cacheDir(), "vm");
  const cd = join(folder, `grub-${createHash("sha256").update(config).digest("hex").slice(0, 12)}.iso`);
  if (await exists(cd)) return cd;
  await mkdir(folder, { recursive: true });
  const draft = await mkdtemp(join(folder, "draft-"));
  try {
    await mkdir(join(draft, "tree/boot/grub"), { recursive: true });
    await writeFile(join(draft, "tree/boot/grub/grub.cfg"), config);
    await runCaptive("grub-mkrescue", ["-d", "/usr/lib/grub/i386-pc", "-o", join(draft, "cd.iso"), join(draft, "tree")]);
    await rename(join(draft, "cd.iso"), cd);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return cd;
}
