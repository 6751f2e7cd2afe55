/** Arguments of `ssh` that reach a lab host with the region's key, whatever the user's own configuration says. */
export const sshArgs = (to: { user: string; address: string; identityFile: string; knownHosts: string }): string[] => [
  "-F",
  "none",
  "-i",
  to.identityFile,
  "-o",
  `UserKnownHostsFile=${to.knownHosts}`,
  "-o",
  "IdentitiesOnly=yes",
  "-o",
  "StrictHostKeyChecking=yes",
  "-o",
  "LogLevel=ERROR",
  `${to.user}@${to.address}`,
];
