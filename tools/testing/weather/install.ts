/**
 * What of Node is late in weather: files, the pool of threads, and the ends of child processes. Sockets, pipes and threads' messages
 * are late below Node, where their order is kept (ready-events.c).
 *
 * Only orders that Node leaves open are changed: two operations on files that nobody awaits between are done by a pool of threads,
 * in any order. A handle's own operations begin where they are called, since `close` waits for those alone that have begun.
 */
import { ChildProcess } from 'node:child_process';
import crypto from 'node:crypto';
import dns from 'node:dns';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import type { Later } from './delays.ts';
import { lateCallback, latePromise, replace } from './late.ts';

const paths =
  'access copyFile cp opendir rename truncate rm rmdir mkdir readdir readlink symlink lstat stat statfs link unlink chmod lchmod ' +
  'lchown chown utimes lutimes realpath mkdtemp writeFile appendFile readFile';
const handles = 'read readv write writev readFile writeFile appendFile stat truncate sync datasync chmod chown utimes';
const descriptors = 'open close read readv write writev fstat ftruncate fsync fdatasync fchmod fchown futimes exists';
const pool = {
  zlib: 'deflate gzip deflateRaw unzip inflate gunzip inflateRaw brotliCompress brotliDecompress zstdCompress zstdDecompress',
  crypto: 'randomBytes randomFill scrypt pbkdf2 hkdf generateKey generateKeyPair sign verify',
  subtle: 'digest encrypt decrypt sign verify deriveBits deriveKey wrapKey unwrapKey generateKey importKey exportKey',
};

export async function install(later: Later): Promise<void> {
  const handle = await fs.promises.open('/dev/null');
  const handlesOwn = Object.getPrototypeOf(handle);
  await handle.close();

  replace(fs.promises, words(paths), (name, work) => latePromise(later, `promises.${name}`, work, true));
  replace(fs.promises, ['open'], (_, work) => openingLate(later, latePromise(later, 'promises.open', work, true)));
  replace(handlesOwn, words(handles), (name, work) => latePromise(later, `handle.${name}`, work, false));
  replace(fs, words(`${paths} ${descriptors}`), (name, work) => lateCallback(later, name, work));
  replace(zlib, words(pool.zlib), (name, work) => lateCallback(later, name, work));
  replace(crypto, words(pool.crypto), (name, work) => lateCallback(later, name, work));
  replace(Object.getPrototypeOf(crypto.webcrypto.subtle), words(pool.subtle), (name, work) =>
    latePromise(later, `subtle.${name}`, work, false),
  );
  replace(dns, ['lookup'], (name, work) => lateCallback(later, name, work));
  replace(dns.promises, ['lookup'], (name, work) => latePromise(later, `promises.${name}`, work, true));
  endingLate(later);
  syncBuiltinESMExports();
}

/** A handle has a `close` of its own, and not by its class. */
function openingLate(later: Later, open: (...args: unknown[]) => Promise<object>) {
  return async function (this: unknown, ...args: unknown[]) {
    const handle = await open.apply(this, args);
    replace(handle, ['close'], (name, work) => latePromise(later, `handle.${name}`, work, false));
    return handle;
  };
}

type Started = { _handle?: { onexit: (...args: unknown[]) => void } };

/** That a process has ended is heard later: its code and its events come together, as ever. */
function endingLate(later: Later): void {
  replace(ChildProcess.prototype, ['spawn'], (_, spawn) => {
    return function (...args) {
      const { _handle: handle } = this as Started;
      if (handle !== undefined) {
        const { onexit } = handle;
        handle.onexit = (...ended) => later('exit', () => onexit.apply(handle, ended));
      }
      return spawn.apply(this, args);
    };
  });
}

function words(text: string): string[] {
  return text.split(' ');
}
