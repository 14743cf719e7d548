/**
 * Certificates hold already by this much, milliseconds, before they are issued: clocks of who trusts them may lag so far. Clocks that
 * differ by less are good enough, and nobody is told.
 */
export const backdateMs = 5 * 60_000;
