import { accessSync, constants, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian keeps the server's programs off PATH, a folder for each version. */
const debian = '/usr/lib/postgresql';
const programs = ['initdb', 'postgres', 'pg_basebackup'];

/** The folder of PostgreSQL's server programs: on PATH, or where Debian puts its newest; undefined where there is none. */
export function postgresFolder(env = process.env) {
  const versions = () => {
    try {
      return readdirSync(debian).sort((a, b) => Number(b) - Number(a));
    } catch {
      return [];
    }
  };
  const folders = [...(env.PATH ?? '').split(delimiter), ...versions().map((version) => join(debian, version, 'bin'))];
  return folders.find((folder) => folder !== '' && programs.every((program) => isProgram(join(folder, program))));
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
