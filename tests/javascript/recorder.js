// The published client, with a note of what each of its methods was seen to answer.

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

	/** The method succeeds; what it returns. */
	async ok(method, ...parameters) {
		const result = await this.#call(method, parameters);
		assert.equal(result.ok, true, `${method}: ${result.errorCode}`);
		this.#succeeded.add(method);
		return result;
	}

	/** The method is refused with this error code. */
	async refused(errorCode, method, ...parameters) {
		const result = await this.#call(method, parameters);
		assert.equal(result.ok, false, `${method} succeeded`);
		assert.equal(result.errorCode, errorCode, method);
		this.#refused.add(method);
	}

	/** The methods that were not seen to succeed, or not seen to be refused. */
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
