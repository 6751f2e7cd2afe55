import { access, chmod, chown, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

export const readFileIfThere = (file: string): Promise<string | undefined> => readFile(file, "utf8").catch(() => undefined);

/** Readers see the old file or the new one, never half of it. */
export async function writeAtomically(file: string, text: string, mode = 0o644): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  await writeFile(draft, text, { mode });
  await chmod(draft, mode); // writeFile's mode is subject to the umask
  await rename(draft, file);
}

/** A folder or file (`text`) of a host's tree, with owner and mode whatever our umask is. */
export interface Entry {
  path: string;
  mode: number;
  uid?: number;
  text?: string;
}

export async function place(tree: string, { path, mode, uid = 0, text }: Entry): Promise<void> {
  const target = join(tree, path);
  if (text === undefined) await mkdir(target, { recursive: true });
  else await writeFile(target, text);
  await chown(target, uid, uid);
  await chmod(target, mode);
}
