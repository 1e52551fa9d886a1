/** Goes on at once with a value, or later with a promised one: no promise is made where none was given. */
export function andThen<A, B>(value: A | Promise<A>, next: (value: A) => B | Promise<B>): B | Promise<B> {
  return isPromise(value) ? value.then(next) : next(value)
}

function isPromise<A>(value: A | Promise<A>): value is Promise<A> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
