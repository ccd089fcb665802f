from bot4._core.engine.control import ControlCode as ControlCode
