"""From a lowered network and a budget to a `Plan` with exact cycles."""

from .budget import Budget
from .candidates import Engines
from .goals import least_area, least_latency, rated
from .lone import lone_latency
from .pareto import Point, pareto
from .plan import EnginePlan, Plan, Prediction, Region, Resources
from .predict import predict, resources
from .search import Found, plan, search
from .verification import verify

__all__ = ["Budget", "EnginePlan", "Engines", "Found", "Plan", "Point", "Prediction", "Region", "Resources",
           "least_area", "least_latency", "lone_latency", "pareto", "plan", "predict", "rated", "resources",
           "search", "verify"]
