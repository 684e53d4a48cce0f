'use strict';

/**
 * Makes a class callable without `new`, as constructors were in 2013: `Class.call(this, …)` in the constructor of a
 * type that inherits by `util.inherits`, or on any other emitter. In all else it is the class.
 *
 * @template {new (...args: any[]) => object} T
 * @param {T} Class
 * @param {(instance: any, ...args: any[]) => void} initialise Does to `this` what the class would.
 * @returns {T}
 */
function callable(Class, initialise) {
  /**
   * @this {any}
   * @param {any[]} args
   */
  function Callable(...args) {
    // The same, but V8 would give each instance hidden classes of its own if it were told of this function.
    if (new.target === Callable) return new Class(...args);
    if (new.target !== undefined) return Reflect.construct(Class, args, new.target);
    // Without `new` and without an emitter to call it on, as in `Rover(options)` or `namespace.Rover(options)`.
    if (typeof this?.emit !== 'function') return new Class(...args);
    initialise(this, ...args);
  }
  Object.setPrototypeOf(Callable, Class);
  Object.defineProperties(Callable, {
    name: { __proto__: null, configurable: true, value: Class.name },
    length: { __proto__: null, configurable: true, value: Class.length },
    prototype: { __proto__: null, value: Class.prototype, writable: false },
  });
  Object.defineProperty(Class.prototype, 'constructor', {
    __proto__: null,
    configurable: true,
    value: Callable,
    writable: true,
  });
  return /** @type {T} */ (/** @type {unknown} */ (Callable));
}

module.exports = { callable };
