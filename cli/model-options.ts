import { Option } from '@commander-js/extra-typings';
import { abis } from '../client/detectors/syscall/vocabulary.ts';

/** Where the model of an offline command lies. */
export function modelOption() {
  return new Option('--model <path>', 'model folder, such as out/model').makeOptionMandatory();
}

/** How an input file's call numbers are to be read. */
export function abiOption() {
  return new Option('--abi <abi>', 'numbering of the system calls in the input').choices(abis).default(abis[0]);
}
