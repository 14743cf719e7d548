/**
 * Shows what set-up is doing, on stderr: stdout belongs to the command that set-up prepares.
 * A terminal sees one line with running seconds; a log sees a line at the start, every 10 s, and at the end.
 */
const logEveryMs = 10_000;

/**
 * @typedef {{ name: string, ms: number }} Phase
 * @typedef {{ run: <T>(name: string, work: () => Promise<T>) => Promise<T>, phases: Phase[] }} Progress
 */

/**
 * @param {{ write(text: string): unknown, isTTY?: boolean }} [out]
 * @returns {Progress}
 */
export function createProgress(out = process.stderr) {
  /** @type {Phase[]} */
  const phases = [];
  return {
    phases,
    async run(name, work) {
      const startedAt = performance.now();
      const seconds = () => ((performance.now() - startedAt) / 1000).toFixed(1);
      out.write(out.isTTY ? `  ${name} …` : `  ${name} …\n`);
      const timer = setInterval(
        () => out.write(out.isTTY ? `\r  ${name} … ${seconds()} s` : `  ${name} … still at it after ${seconds()} s\n`),
        out.isTTY ? 500 : logEveryMs,
      );
      try {
        const value = await work();
        phases.push({ name, ms: performance.now() - startedAt });
        out.write(`${out.isTTY ? '\r' : ''}  ${name}: done in ${seconds()} s\n`);
        return value;
      } catch (error) {
        out.write(`${out.isTTY ? '\r' : ''}  ${name}: failed after ${seconds()} s\n`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}
