/** What ends with the test file that is running. @type {(() => Promise<void>)[]} */
const ends = [];

/**
 * Ends something that the tests of a file share, when they have all ended. May be called while a test runs.
 *
 * @param {() => Promise<void>} end
 */
export function endWithFile(end) {
  ends.push(end);
}

/** For file-end.mjs. */
export async function endAll() {
  for (const end of ends.splice(0)) await end();
}
