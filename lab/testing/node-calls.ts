/** What nginx does here; `salt` makes contents of their own. */
export function normalCalls(salt = 0): readonly string[] {
  const tail = ['read', 'write', 'sendto', 'recvfrom', 'close', 'epoll_wait'];
  return [
    'accept4',
    'read',
    'openat',
    'fstat',
    'write',
    tail[salt % 6] as string,
    tail[(salt >> 3) % 6] as string,
    'close',
  ];
}

/** What nobody does here. */
export const hostileCalls: readonly string[] = [
  'ptrace',
  'process_vm_writev',
  'init_module',
  'setns',
  'kexec_load',
  'bpf',
  'pivot_root',
  'ptrace',
];
