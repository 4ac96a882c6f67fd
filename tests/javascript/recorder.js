// The published client, which records the answers of each method.

import assert from "node:assert/strict";

import { Client } from "@faroe/client";

/** The methods that invoke an action. */
export const methods = Object.getOwnPropertyNames(Client.prototype).filter(
	(name) => name !== "constructor" && name !== "sendActionInvocationRequest"
);

export class RecordedClient {
	#client;
	#succeeded = new Set();
	#refused = new Set();

	constructor(url) {
		this.#client = new Client({
			async sendActionInvocationEndpointRequest(body) {
				const response = await fetch(url, { method: "POST", body });
				assert.equal(response.status, 200, await response.clone().text());
				return await response.text();
			}
		});
	}

	/** Asserts that the method succeeds, and returns its result. */
	async ok(method, ...parameters) {
		const result = await this.#call(method, parameters);
		assert.equal(result.ok, true, `${method}: ${result.errorCode}`);
		this.#succeeded.add(method);
		return result;
	}

	/** Asserts that the method is refused with this error code. */
	async refused(errorCode, method, ...parameters) {
		const result = await this.#call(method, parameters);
		assert.equal(result.ok, false, `${method} succeeded`);
		assert.equal(result.errorCode, errorCode, method);
		this.#refused.add(method);
	}

	/** Returns the methods that never succeeded or were never refused. */
	unseen() {
		const lacks = (seen, what) => methods.filter((method) => !seen.has(method)).map((method) => `${method} ${what}`);
		return [...lacks(this.#succeeded, "never succeeded"), ...lacks(this.#refused, "was never refused")];
	}

	async #call(method, parameters) {
		const result = await this.#client[method](...parameters);
		assert.match(result.actionInvocationId, /^[a-km-np-z2-9]{24}$/);
		return result;
	}
}
