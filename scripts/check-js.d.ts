// For `npm run check:js`: descriptors without a prototype, which an app that adds to `Object.prototype` can't change.
interface PropertyDescriptor {
  __proto__?: null;
}
