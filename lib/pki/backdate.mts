/** New certificates are valid from so much earlier, in milliseconds: hosts whose clocks are behind the controller's accept them too. */
export const BACKDATED_MS = 3_600_000;
