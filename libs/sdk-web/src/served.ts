/** Entry of the module that gateways serve: its own address is the gateway's. */
import { rememberScript } from "./signalling/address";

const address = import.meta.url;
if (typeof document !== "undefined" && address.includes("/sdk/")) rememberScript(address);

export * from "./index";
