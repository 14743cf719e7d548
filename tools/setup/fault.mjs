/** Why set-up stopped: which step, what happened, and what the person at the keyboard can do about it. */
export class SetupFault extends Error {
  /**
   * @param {{ step: string, cause: string, remedy: string }} what
   */
  constructor({ step, cause, remedy }) {
    super(`${step}: ${cause}`);
    this.name = 'SetupFault';
    this.step = step;
    this.cause = cause;
    this.remedy = remedy;
  }
}

/**
 * The words shown when set-up stops.
 * @param {SetupFault} fault
 */
export function describeFault({ step, cause, remedy }) {
  const indent = (/** @type {unknown} */ text) => String(text).trimEnd().replaceAll('\n', '\n          ');
  return `set-up stopped at: ${step}\n  cause:  ${indent(cause)}\n  remedy: ${indent(remedy)}\n`;
}
