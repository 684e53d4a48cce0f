'use strict';

/**
 * Makes a class callable without `new`, as constructors were in 2013: `Class.call(this, …)` in the
 * constructor of a type that inherits by `util.inherits`. In all else it is the class.
 *
 * @template {new (...args: any[]) => object} T
 * @param {T} Class
 * @param {(instance: any, ...args: any[]) => void} initialise does to `this` what the class would
 * @returns {T}
 */
function callable(Class, initialise) {
  /**
   * @this {unknown}
   * @param {any[]} args
   */
  function Callable(...args) {
    // The same, but V8 would give each instance hidden classes of its own if it were told of this function.
    if (new.target === Callable || !(this instanceof Class)) return new Class(...args);
    if (new.target !== undefined) return Reflect.construct(Class, args, new.target);
    initialise(this, ...args);
  }
  Object.setPrototypeOf(Callable, Class);
  Object.defineProperties(Callable, {
    name: { configurable: true, value: Class.name },
    length: { configurable: true, value: Class.length },
    prototype: { value: Class.prototype, writable: false },
  });
  Object.defineProperty(Class.prototype, 'constructor', {
    configurable: true,
    value: Callable,
    writable: true,
  });
  return /** @type {T} */ (/** @type {unknown} */ (Callable));
}

module.exports = { callable };
