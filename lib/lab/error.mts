/** A failure of the lab that the user can act on: one line of what is wrong, and what to do about it. */
export class LabError extends Error {
  override readonly name = "LabError";
  readonly fix: string;
  constructor(what: string, fix: string) {
    super(what);
    this.fix = fix;
  }
}

export const isErrno = (error: unknown, ...codes: string[]): boolean => error instanceof Error && "code" in error && codes.includes(String(error.code));
