// For `npm run check:js`: descriptors without a prototype, which an app that adds to `Object.prototype` can't change.
interface PropertyDescriptor {
  __proto__?: null;
}

// The packages with the binaries, of which one is installed at most.
declare module 'callosum-client-tcp-rover-*' {
  const binary: typeof import('../binding');
  export = binary;
}
