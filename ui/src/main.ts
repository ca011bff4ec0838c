import "@fontsource-variable/inter/wght.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { mount } from "svelte";
import App from "./App.svelte";
import { prepare } from "./host";
import { language } from "./words";

prepare();
document.documentElement.lang = language;
const target = document.getElementById("app");
if (target) mount(App, { target });
