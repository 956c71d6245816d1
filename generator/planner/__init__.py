"""From a lowered network and a budget to a `Plan` with exact cycles."""

from .budget import Budget
from .candidates import Engines
from .plan import EnginePlan, Plan, Prediction, Region, Resources
from .predict import predict, resources
from .search import Found, plan, search
from .verification import verify

__all__ = ["Budget", "EnginePlan", "Engines", "Found", "Plan", "Prediction", "Region", "Resources", "plan",
           "predict", "resources", "search", "verify"]
