/** How much is copied of a pod at most: whoever is in it chooses how many files it opens, and what they are called. */
export const captureLimits = {
  cgroups: 256,
  processes: 256,
  /** Of each process: kept, and looked at. */
  fds: 1_024,
  fdsSeen: 16_384,
  mapsBytes: 131_072,
  /** Of each name, link and command line. */
  textBytes: 1_024,
  /** Of a network namespace's table of sockets, of one protocol. */
  socketTableBytes: 1_048_576,
  sockets: 2_048,
  /** Of an executable that is digested; each file once. */
  executableBytes: 268_435_456,
  executables: 64,
  /** The whole answer, as JSON. */
  answerBytes: 12_582_912,
} as const;

/** Of memory in one answer, whatever is asked for: it travels as base64. */
export const memoryBytesCeiling = 6_291_456;
