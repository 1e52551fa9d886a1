/** Older majors are driven by the types of the newer: what the tests use of both is the same. */
declare module 'express4' {
  import express = require('express')
  export default express
}
declare module 'koa2' {
  import Koa = require('koa')
  export default Koa
}
