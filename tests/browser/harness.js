// The functions for browser tests.

export { startProgram } from "../javascript/program.js";
export { startServer } from "../javascript/server.js";
export { PATIENCE, useBrowser } from "./harness/browser.js";
export { reportPromise } from "./harness/promise.js";
