import { spawn } from 'node:child_process';

const tailCharsMax = 4_000;

/**
 * Runs a program to its end. Never throws: a program that cannot be started has `code: null` and says so in `tail`.
 * The child inherits `heldFds` (our locks), so that a child which outlives a killed set-up still holds them.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, heldFds?: readonly number[] }} [options]
 * @returns {Promise<{ code: number | null, tail: string, stdout: string }>} tail: the last of stdout and stderr together.
 */
export function runCommand(file, args, { cwd, env, heldFds = [] } = {}) {
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd,
      env: env ?? process.env,
      stdio: ['ignore', 'pipe', 'pipe', ...heldFds],
    });
    let tail = '';
    let stdout = '';
    const keep = (/** @type {Buffer} */ chunk) => {
      tail = (tail + chunk.toString('utf8')).slice(-tailCharsMax);
    };
    child.stdout?.on('data', (chunk) => {
      keep(chunk);
      stdout = (stdout + chunk.toString('utf8')).slice(-tailCharsMax);
    });
    child.stderr?.on('data', keep);
    child.on('error', (error) => resolve({ code: null, tail: error.message, stdout: '' }));
    child.on('close', (code, signal) => {
      resolve({ code: code ?? (signal ? 128 : null), tail: signal ? `${tail}\nended by ${signal}` : tail, stdout });
    });
  });
}

/**
 * The last lines of a program's output: enough to see why it failed.
 * @param {string} text
 */
export function lastLines(text, count = 12) {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}
