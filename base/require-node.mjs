/**
 * Imported first by every entry point, before anything that runs on Node 22 only: better-sqlite3 13 ends the process on
 * Node 20, Zstandard came with 22.15, and TensorFlow's binding stops working at 23. Plain JavaScript, so that any Node can read
 * it and say so. It speaks only where all that is imported beside it can be linked: cli/testudo.mjs imports nothing else before
 * it has run.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major !== 22 || minor < 15) {
  process.stderr.write(
    `Testudo needs Node 22 (22.15 or newer), and this is Node ${process.versions.node}: install that one; ` +
      'in a checkout `npm start` and `npx testudo` bring it\n',
  );
  process.exit(1);
}
